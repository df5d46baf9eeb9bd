"""Wire types, generated from ``protos/searchrank/v1`` by ``make protos``; only servicers and clients touch them."""
