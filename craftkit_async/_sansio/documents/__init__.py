"""Documents: which addresses may be fetched, and what makes a download complete."""
