"""Files of answers: read, judged in parallel, counted."""
