"""What the studies of full size share: options, rows that are kept, methods, and what they cost."""
