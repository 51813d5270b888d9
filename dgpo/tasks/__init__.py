"""Small tasks made here, with a model that learns them on a CPU: what the quick start trains on."""
