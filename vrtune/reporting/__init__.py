"""One page with all figures of some studies, and the same as images for papers."""
