"""What people see of long work: figures, progress, results."""
