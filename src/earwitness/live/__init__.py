"""Live listening: sound as it comes in, events as they begin and end. Imports from the flow, which never imports it."""
