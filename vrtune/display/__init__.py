"""What people see of long work: figures, tables, progress."""
