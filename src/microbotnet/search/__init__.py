"""The search for designs: what a design costs, the space of designs, budgets, and the search itself."""
