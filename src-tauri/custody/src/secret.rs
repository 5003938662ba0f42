//! The one type with secret bytes. It cannot be printed, compared, serialised or cloned.

use zeroize::Zeroizing;

/// Secret bytes: wiped when dropped, and without a voice.
///
/// It cannot be printed, serialised, copied or compared in variable time; each of these does not
/// compile:
///
/// ```compile_fail
/// let secret = sluice_custody::Secret::new(b"x".to_vec());
/// println!("{:?}", secret);
/// ```
/// ```compile_fail
/// let secret = sluice_custody::Secret::new(b"x".to_vec());
/// println!("{}", secret);
/// ```
/// ```compile_fail
/// let secret = sluice_custody::Secret::new(b"x".to_vec());
/// let copy = secret.clone();
/// ```
/// ```compile_fail
/// fn speak<T: serde::Serialize>(_: &T) {}
/// speak(&sluice_custody::Secret::new(b"x".to_vec()));
/// ```
/// ```compile_fail
/// let (a, b) = (sluice_custody::Secret::new(vec![]), sluice_custody::Secret::new(vec![]));
/// let _ = a == b;
/// ```
///
/// What it does offer:
///
/// ```
/// let secret = sluice_custody::Secret::new(b"x".to_vec());
/// assert_eq!(secret.len(), 1);
/// ```
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// Takes ownership of the bytes; the caller keeps no copy.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The bytes, for a [`crate::SecretStore`] that has to hand them to the system.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// Length in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// No bytes at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether both hold the same bytes, in time that depends on the lengths only.
    #[must_use]
    pub fn same(&self, other: &Self) -> bool {
        let differing = self.0.iter().zip(other.0.iter()).fold(0u8, |sum, (a, b)| sum | (a ^ b));
        self.len() == other.len() && std::hint::black_box(differing) == 0
    }
}

impl From<Zeroizing<Vec<u8>>> for Secret {
    fn from(bytes: Zeroizing<Vec<u8>>) -> Self {
        Self(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::Secret;

    #[test]
    fn same_compares_content_and_length() {
        let a = Secret::new(b"abc".to_vec());
        assert!(a.same(&Secret::new(b"abc".to_vec())));
        assert!(!a.same(&Secret::new(b"abd".to_vec())));
        assert!(!a.same(&Secret::new(b"ab".to_vec())));
        assert!(!a.same(&Secret::new(Vec::new())));
    }
}
