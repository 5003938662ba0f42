//! Secrets larger than one item of the system's store (Windows: 2,560 bytes): cut into parts, and joined
//! again only when every part is the one that was written.

use crate::keychain::StoreError;
use crate::secret::Secret;
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use zeroize::Zeroizing;

/// First word of the head of a secret in parts.
const MAGIC: &[u8] = b"sluice-parts/1 ";
/// More parts than this are no secret of ours.
const PARTS_MAX: usize = 64;

/// The largest item of this system's store, where it has a bound.
pub(crate) const ITEM_BYTES_MAX: Option<usize> = if cfg!(windows) { Some(2_560) } else { None };

/// What is stored for one secret: the head under its own name, written last, and the parts.
pub(crate) struct Cut {
    pub(crate) head: Secret,
    pub(crate) parts: Vec<Secret>,
}

/// The number of parts, the length and the digest of the whole.
struct Head {
    parts: usize,
    bytes: usize,
    digest: String,
}

/// Cuts a secret; one that fits is its own head.
pub(crate) fn cut(secret: &Secret, item_max: Option<usize>) -> Cut {
    match item_max {
        Some(most) if secret.len() > most || secret.expose().starts_with(MAGIC) => {
            let parts: Vec<Secret> = secret
                .expose()
                .chunks(most.max(1))
                .map(|part| Secret::new(part.to_vec()))
                .collect();
            let mut head = Zeroizing::new(MAGIC.to_vec());
            let line = format!("{} {} {}", parts.len(), secret.len(), digest(secret));
            head.extend_from_slice(line.as_bytes());
            Cut { head: Secret::from(head), parts }
        }
        Some(_) | None => Cut { head: Secret::new(secret.expose().to_vec()), parts: Vec::new() },
    }
}

/// How many parts belong to this head; none when the head is the secret itself.
pub(crate) fn parts_of(head: &Secret) -> Result<usize, StoreError> {
    Ok(read_head(head)?.map_or(0, |head| head.parts))
}

/// Joins what [`cut`] made; `part` reads the part with this number, from 1.
pub(crate) fn join(
    head: Secret,
    mut part: impl FnMut(usize) -> Result<Option<Secret>, StoreError>,
) -> Result<Secret, StoreError> {
    let Some(found) = read_head(&head)? else { return Ok(head) };
    let mut whole = Zeroizing::new(Vec::with_capacity(found.bytes));
    for number in 1..=found.parts {
        let part = part(number)?.ok_or(StoreError::Mismatch)?;
        if whole.len() + part.len() > found.bytes {
            return Err(StoreError::Mismatch);
        }
        whole.extend_from_slice(part.expose());
    }
    let whole = Secret::from(whole);
    if whole.len() != found.bytes || digest(&whole) != found.digest {
        return Err(StoreError::Mismatch);
    }
    Ok(whole)
}

fn read_head(head: &Secret) -> Result<Option<Head>, StoreError> {
    let Some(line) = head.expose().strip_prefix(MAGIC) else { return Ok(None) };
    let broken = || StoreError::Failed("the head of an item in parts is not understood".into());
    let line = std::str::from_utf8(line).map_err(|_| broken())?;
    let mut words = line.split(' ');
    let mut word = || words.next().ok_or_else(broken);
    let parts = word()?.parse().ok().filter(|parts| (1..=PARTS_MAX).contains(parts));
    let bytes = word()?.parse().ok().filter(|bytes| *bytes <= crate::files::FILE_BYTES_MAX);
    let digest = word()?.to_owned();
    match (parts, bytes) {
        (Some(parts), Some(bytes)) => Ok(Some(Head { parts, bytes, digest })),
        _ => Err(broken()),
    }
}

fn digest(secret: &Secret) -> String {
    Sha256::digest(secret.expose()).iter().fold(String::with_capacity(64), |mut hex, byte| {
        // Writing into a string does not fail.
        let _always = write!(hex, "{byte:02x}");
        hex
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(bytes: usize) -> Secret {
        Secret::new((0..bytes).map(|at| (at % 251) as u8).collect())
    }

    fn back(
        cut: Cut,
        change: impl Fn(usize, Secret) -> Option<Secret>,
    ) -> Result<Secret, StoreError> {
        let parts = cut.parts;
        join(cut.head, |number| {
            let part = parts.get(number - 1).map(|part| Secret::new(part.expose().to_vec()));
            Ok(part.and_then(|part| change(number, part)))
        })
    }

    #[test]
    fn every_size_comes_back_and_no_item_is_larger_than_the_store_takes() {
        for bytes in [0, 1, 2_559, 2_560, 2_561, 5_119, 5_120, 5_121, 40_000, 150_000] {
            let whole = secret(bytes);
            let cut = cut(&whole, Some(2_560));
            assert_eq!(cut.parts.len(), if bytes <= 2_560 { 0 } else { bytes.div_ceil(2_560) });
            assert!(cut.head.len() <= 2_560 && cut.parts.iter().all(|part| part.len() <= 2_560));
            assert_eq!(parts_of(&cut.head).unwrap(), cut.parts.len());
            assert!(back(cut, |_, part| Some(part)).unwrap().same(&whole), "{bytes}");
        }
    }

    #[test]
    fn without_a_bound_nothing_is_cut_and_a_secret_that_looks_like_a_head_is_no_head() {
        assert!(cut(&secret(100_000), None).parts.is_empty());
        let tricky = Secret::new(b"sluice-parts/1 3 9 abc".to_vec());
        let cut = cut(&tricky, Some(2_560));
        assert_eq!(cut.parts.len(), 1);
        assert!(back(cut, |_, part| Some(part)).unwrap().same(&tricky));
    }

    #[test]
    fn a_part_that_is_missing_old_or_in_the_wrong_place_is_found_out() {
        let whole = secret(6_000);
        let other = cut(&secret(6_001), Some(2_560));
        let old = |number: usize| Secret::new(other.parts[number - 1].expose().to_vec());
        for gone in 1..=3 {
            let missing =
                back(cut(&whole, Some(2_560)), |number, part| (number != gone).then_some(part));
            assert!(matches!(missing, Err(StoreError::Mismatch)), "{gone}");
        }
        let mixed = back(cut(&whole, Some(2_560)), |number, part| {
            Some(if number == 3 { old(3) } else { part })
        });
        assert!(matches!(mixed, Err(StoreError::Mismatch)));
        let cut_short = back(cut(&whole, Some(2_560)), |number, part| {
            Some(if number == 2 { Secret::new(part.expose()[1..].to_vec()) } else { part })
        });
        assert!(matches!(cut_short, Err(StoreError::Mismatch)));
    }

    #[test]
    fn a_head_that_is_not_understood_is_an_error_and_never_a_secret() {
        for text in ["", "x 1 2", "0 5 a", "65 5 a", "2", "2 99999999 a", "-1 5 a"] {
            let head = Secret::new(format!("sluice-parts/1 {text}").into_bytes());
            assert!(parts_of(&head).is_err(), "{text}");
            assert!(join(head, |_| Ok(Some(secret(1)))).is_err(), "{text}");
        }
    }
}
