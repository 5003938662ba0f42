//! Rust source with comments, strings and characters blanked out, line for line.

/// Code of the same length in lines, in which every word is code.
pub fn code_only(source: &str) -> String {
    let mut out = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(first) = rest.chars().next() {
        let taken = skipped(rest);
        if taken == 0 {
            let length = word_or_char(rest, first);
            out.push_str(&rest[..length]);
            rest = &rest[length..];
        } else {
            // Lines stay where they were.
            out.extend(rest[..taken].chars().filter(|c| *c == '\n'));
            rest = &rest[taken..];
        }
    }
    out
}

/// A whole word at once: the `r` in `for"…"` opens no raw string.
fn word_or_char(rest: &str, first: char) -> usize {
    if first.is_alphanumeric() || first == '_' {
        rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len())
    } else {
        first.len_utf8()
    }
}

/// Bytes of the comment, string or character that starts here; 0 for code.
fn skipped(rest: &str) -> usize {
    if rest.starts_with("//") {
        return rest.find('\n').unwrap_or(rest.len());
    }
    if rest.starts_with("/*") {
        return block_comment(rest);
    }
    for prefix in ["r", "br", "cr"] {
        if let Some(length) = raw_string(rest, prefix) {
            return length;
        }
    }
    let quote = rest.trim_start_matches(['b', 'c']);
    let prefix = rest.len() - quote.len();
    if prefix <= 1 && quote.starts_with('"') {
        return prefix + quoted(quote);
    }
    if rest.starts_with('\'') {
        return character(rest);
    }
    0
}

fn block_comment(rest: &str) -> usize {
    let mut depth = 0_usize;
    let bytes = rest.as_bytes();
    let mut at = 0;
    while at + 1 < bytes.len() {
        match &bytes[at..at + 2] {
            b"/*" => {
                depth += 1;
                at += 2;
            }
            b"*/" => {
                depth -= 1;
                at += 2;
                if depth == 0 {
                    return at;
                }
            }
            _ => at += 1,
        }
    }
    rest.len()
}

fn raw_string(rest: &str, prefix: &str) -> Option<usize> {
    let after = rest.strip_prefix(prefix)?;
    let hashes = after.len() - after.trim_start_matches('#').len();
    let body = after[hashes..].strip_prefix('"')?;
    let close = format!("\"{}", "#".repeat(hashes));
    let length = body.find(&close).map_or(body.len(), |end| end + close.len());
    Some(prefix.len() + hashes + 1 + length)
}

fn quoted(rest: &str) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

/// A character literal; 0 for a lifetime.
fn character(rest: &str) -> usize {
    let mut chars = rest.char_indices().skip(1);
    match chars.next() {
        Some((_, '\\')) => rest[2..].find('\'').map_or(0, |end| {
            // `'\''` closes one later.
            if end == 0 { 4 } else { end + 3 }
        }),
        Some((_, _)) => match chars.next() {
            Some((at, '\'')) => at + 1,
            _ => 0,
        },
        None => 0,
    }
}

/// Ranges of lines (from 0, end excluded) that only exist in tests.
pub fn test_lines(code: &str) -> Vec<std::ops::Range<usize>> {
    let lines: Vec<&str> = code.lines().collect();
    let mut ranges = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let marked = line.trim_start();
        if !(marked.starts_with("#[cfg(test)]") || marked.starts_with("#[cfg(all(test")) {
            continue;
        }
        ranges.push(at..block_end(&lines, at));
    }
    ranges
}

/// The line after the item that starts at `from`: its closing brace or semicolon.
pub fn block_end(lines: &[&str], from: usize) -> usize {
    let mut depth = 0_i32;
    let mut round = 0_i32;
    for (at, line) in lines.iter().enumerate().skip(from) {
        for c in line.chars() {
            match c {
                '(' | '[' => round += 1,
                ')' | ']' => round -= 1,
                '{' => depth += 1,
                '}' => {
                    depth -= 1;
                    if depth == 0 {
                        return at + 1;
                    }
                }
                ';' if depth == 0 && round == 0 => return at + 1,
                _ => {}
            }
        }
    }
    lines.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_code_remains() {
        let source = "let a = \"// x\"; // y\nlet b = 'c'; let d: &'e str = r#\"f\"g\"#;\n/* h /* i */ j */ k\nlet q = '\\''; let z = '\"'; m";
        let code = code_only(source);
        assert_eq!(code.lines().count(), source.lines().count());
        for gone in ["x", "y", "'c'", "f", "h", "j"] {
            assert!(!code.contains(gone), "{gone} in {code}");
        }
        for kept in ["let a", "&'e str", "k", "m", "let z"] {
            assert!(code.contains(kept), "{kept} not in {code}");
        }
    }

    #[test]
    fn test_modules_are_found() {
        let code = "fn a() {}\n#[cfg(test)]\nmod tests {\n    fn b() {}\n}\nfn c() {}\n";
        assert_eq!(test_lines(code).first(), Some(&(1..5)));
        assert_eq!(test_lines("#[cfg(test)]\nmod other;\nfn a() {}").first(), Some(&(0..2)));
    }
}
