//! Everything that does not ship.
