"""Control of what local faults act on: pods, links, processes, GPUs, requests, routing; and the way back to them."""
