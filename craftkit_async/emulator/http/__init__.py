"""HTTP: the server's protocol, request checks by the contract, answers, and the request log."""
