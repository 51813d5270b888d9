import os

# Before any test imports verl: the platform is settled once a process.
os.environ.setdefault("VERL_PLATFORM", "cpu")
os.environ.setdefault("VERL_LOGGING_LEVEL", "WARN")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
