//! The only holder of secret bytes.
