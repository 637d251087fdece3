"""HTTP: the server's protocol, request validation by the contract, answers, and the request log."""
