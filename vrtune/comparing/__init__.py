"""Studies side by side: what each method reached, how sure that is, what it cost to tune."""
