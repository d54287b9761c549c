"""Networks in folders, and on the hub that huggingface_hub speaks with: fetched, described, shared."""
