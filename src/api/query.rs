//! The query of a URL as keys and values, as browsers write it.

/// How many rows a page has, unless the request says otherwise.
pub const PAGE: usize = 500;
/// The most rows a page may have: enough for a large network.
pub const LARGEST_PAGE: usize = 100_000;

/// The `limit` of a page: 1 to [`LARGEST_PAGE`].
///
/// # Errors
/// What was expected instead.
pub fn limit(value: &str) -> Result<usize, String> {
    let limit = value.parse().ok().filter(|limit| (1..=LARGEST_PAGE).contains(limit));
    limit.ok_or_else(|| format!("a number from 1 to {LARGEST_PAGE}"))
}

/// Each key and value, percent-decoded. What is not UTF-8 becomes U+FFFD.
pub fn pairs(query: &str) -> impl Iterator<Item = (String, String)> + '_ {
    query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decode(key), decode(value))
    })
}

fn decode(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let digit = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16));
        match byte {
            b'+' => out.push(b' '),
            b'%' => {
                let ahead = bytes.clone();
                if let (Some(high), Some(low)) = (digit(bytes.next()), digit(bytes.next())) {
                    out.push((high * 16 + low) as u8);
                } else {
                    out.push(b'%');
                    bytes = ahead;
                }
            }
            byte => out.push(byte),
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_some_rows_and_not_too_many() {
        assert_eq!((limit("1"), limit("100000")), (Ok(1), Ok(LARGEST_PAGE)));
        for text in ["0", "100001", "-1", "1.0", "", "18446744073709551616"] {
            assert_eq!(limit(text), Err("a number from 1 to 100000".to_owned()), "{text}");
        }
    }

    #[test]
    fn decodes() {
        let found: Vec<_> = pairs("a=1&b=x+y%2Fz&c&&d=%zz%4").collect();
        let expected = [("a", "1"), ("b", "x y/z"), ("c", ""), ("d", "%zz%4")];
        assert_eq!(found, expected.map(|(key, value)| (key.to_owned(), value.to_owned())));
    }
}
