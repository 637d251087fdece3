"""What happened: events, who observes them, and the counts."""
