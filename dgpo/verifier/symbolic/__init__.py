"""What no cheap stage decides, by math-verify in worker processes."""
