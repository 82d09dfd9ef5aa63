//! What profiles find.
