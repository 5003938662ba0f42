//! What the providers say.
