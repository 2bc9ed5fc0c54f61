"""Users' own Python: files imported with what lies beside them, and objects named in them."""
