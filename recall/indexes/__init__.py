"""From the catalogue and the event log to indexes: sources, building, manifests, snapshots, what is kept."""
