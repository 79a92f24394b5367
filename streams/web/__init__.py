"""HTTP: the calls of the contract, answered from the store; writes become commands."""
