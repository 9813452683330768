"""One file a check; `guidelines.catalog` lists them."""
