"""Ray and Slurm: they start workers on other machines, start lost ones again, and end them."""
