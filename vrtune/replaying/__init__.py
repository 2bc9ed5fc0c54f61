"""A recorded trial trained again, and held against its record."""
