"""From a config's name and overrides to a composed config, checked, with the memory that it needs."""
