"""Pages for people: rendered here, with styles and scripts of our own, and nothing from anywhere else."""
