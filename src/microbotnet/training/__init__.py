"""Training: recipes, the loop, teachers, checkpoints."""
