"""Control of the requests that faults send to endpoints, and the way back from them."""
