"""What users give, refused in a sentence before anything is done."""
