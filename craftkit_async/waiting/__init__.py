"""How an id becomes a result: through whichever comes first, a poll or a webhook."""
