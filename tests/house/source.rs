//! The source tree as data: every file with its module path and its tokens, without comments and test code.

use std::cell::OnceCell;
use std::fs;
use std::path::Path;

/// A wing: each folder in it is a room of its own.
pub const WING: &str = "source";

/// A word, a literal or a mark of Rust code. String literals keep their quotes; `::`, `==`, `!=`, `=>`, `->` and `..` are
/// one token each.
#[derive(Clone, Debug, PartialEq)]
pub struct Token {
    pub text: String,
    /// From 1.
    pub line: usize,
}

/// A file.
pub struct Source {
    /// From the repository's root, as in `src/state/window.rs`.
    pub path: String,
    /// `["state", "window"]`; a `mod.rs` has its directory's path, `lib.rs` the empty one.
    pub module: Vec<String>,
    pub text: String,
    code: OnceCell<Vec<Token>>,
}

impl Source {
    pub fn new(path: &str, text: &str) -> Self {
        let inside = path.strip_prefix("src/").unwrap_or(path).trim_end_matches(".rs");
        let mut module: Vec<String> = inside.split('/').map(str::to_owned).collect();
        if module.last().is_some_and(|name| name == "mod" || name == "lib") {
            module.pop();
        }
        Self {
            path: path.to_owned(),
            module,
            text: text.to_owned(),
            code: OnceCell::new(),
        }
    }

    /// The code, without comments and without items behind `#[cfg(test)]`.
    pub fn code(&self) -> &[Token] {
        self.code.get_or_init(|| without_tests(&tokens(&self.text)))
    }

    /// The room that the file lies in: the first name of its module path, in the wing the first two.
    pub fn room(&self) -> String {
        room(&self.module)
    }

    /// Whether it holds nothing but tests.
    pub fn is_test(&self) -> bool {
        self.module
            .iter()
            .any(|name| name == "tests" || name.ends_with("_tests"))
    }

    pub fn is_mod(&self) -> bool {
        self.path.ends_with("/mod.rs")
    }
}

/// The room of a module path.
pub fn room(module: &[String]) -> String {
    let depth = if module.first().is_some_and(|name| name == WING) {
        2
    } else {
        1
    };
    module[..module.len().min(depth)].join("/")
}

/// All Rust files below a directory of the repository, sorted.
pub fn files(directory: &str) -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = Vec::new();
    let mut directories = vec![root.join(directory)];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                paths.push(path);
            }
        }
    }
    paths.sort();
    assert!(!paths.is_empty(), "no Rust files in {directory}");
    let read = |path: &std::path::PathBuf| {
        let name = path.strip_prefix(root).unwrap().to_str().unwrap();
        Source::new(name, &fs::read_to_string(path).unwrap())
    };
    paths.iter().map(read).collect()
}

/// Splits Rust code into tokens and leaves out comments.
pub fn tokens(text: &str) -> Vec<Token> {
    let letters: Vec<char> = text.chars().collect();
    let mut found = Vec::new();
    let (mut at, mut line) = (0, 1);
    while at < letters.len() {
        let end = token_end(&letters, at);
        let piece: String = letters[at..end].iter().collect();
        if !piece.trim().is_empty() && !piece.starts_with("//") && !piece.starts_with("/*") {
            found.push(Token {
                text: piece.clone(),
                line,
            });
        }
        line += piece.matches('\n').count();
        at = end;
    }
    found
}

fn is_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

/// Where the token, the comment or the space that begins at `at` ends.
fn token_end(letters: &[char], at: usize) -> usize {
    let starts = |with: &str| with.chars().enumerate().all(|(n, c)| letters.get(at + n) == Some(&c));
    let until = |from: usize, ends: &dyn Fn(char) -> bool| {
        let found = letters[from..].iter().position(|letter| ends(*letter));
        found.map_or(letters.len(), |offset| from + offset)
    };
    let letter = letters[at];
    if letter.is_whitespace() {
        return at + 1;
    }
    if starts("//") {
        return until(at, &|letter| letter == '\n');
    }
    if starts("/*") {
        return block_comment(letters, at);
    }
    if let Some(end) = raw_string(letters, at) {
        return end;
    }
    if letter == '"' || starts("b\"") || starts("c\"") {
        return quoted(letters, at + usize::from(letter != '"'), '"');
    }
    if starts("b'") || letter == '\'' && (letters.get(at + 1) == Some(&'\\') || letters.get(at + 2) == Some(&'\'')) {
        return quoted(letters, at + usize::from(letter == 'b'), '\'');
    }
    if letter == '\'' {
        return until(at + 1, &|letter| !is_word(letter)); // a lifetime
    }
    if is_word(letter) {
        return until(at, &|letter| !is_word(letter));
    }
    let marks = ["::", "==", "!=", "=>", "->", ".."];
    at + if marks.into_iter().any(starts) { 2 } else { 1 }
}

fn block_comment(letters: &[char], at: usize) -> usize {
    let mut depth = 0;
    let mut place = at;
    while place + 1 < letters.len() {
        match (letters[place], letters[place + 1]) {
            ('/', '*') => depth += 1,
            ('*', '/') => depth -= 1,
            _ => {
                place += 1;
                continue;
            }
        }
        place += 2;
        if depth == 0 {
            return place;
        }
    }
    letters.len()
}

/// The end of `r"…"`, `r#"…"#` and the like, where one begins here.
fn raw_string(letters: &[char], at: usize) -> Option<usize> {
    let mut place = at + usize::from(matches!(letters[at], 'b' | 'c'));
    if letters.get(place) != Some(&'r') {
        return None;
    }
    place += 1;
    let hashes = letters[place..].iter().take_while(|letter| **letter == '#').count();
    place += hashes;
    if letters.get(place) != Some(&'"') {
        return None;
    }
    place += 1;
    while place < letters.len() {
        let close =
            letters[place] == '"' && letters[place + 1..].iter().take(hashes).filter(|c| **c == '#').count() == hashes;
        place += 1;
        if close {
            return Some(place + hashes);
        }
    }
    Some(letters.len())
}

/// The end of a string or character literal whose opening quote is at `at`.
fn quoted(letters: &[char], at: usize, quote: char) -> usize {
    let mut place = at + 1;
    while place < letters.len() {
        match letters[place] {
            '\\' => place += 2,
            letter if letter == quote => return place + 1,
            _ => place += 1,
        }
    }
    letters.len()
}

/// The tokens without the items, statements, fields and arms behind `#[cfg(test)]`.
fn without_tests(tokens: &[Token]) -> Vec<Token> {
    const CFG: [&str; 7] = ["#", "[", "cfg", "(", "test", ")", "]"];
    let mut kept = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let marked = CFG
            .iter()
            .enumerate()
            .all(|(n, text)| tokens.get(at + n).is_some_and(|token| token.text == *text));
        if marked {
            at = item_end(tokens, at + CFG.len());
        } else {
            kept.push(tokens[at].clone());
            at += 1;
        }
    }
    kept
}

/// Where the item that begins at `at` ends, its further attributes included.
fn item_end(tokens: &[Token], at: usize) -> usize {
    const ITEMS: [&str; 15] = [
        "pub",
        "fn",
        "mod",
        "use",
        "impl",
        "struct",
        "enum",
        "const",
        "static",
        "type",
        "trait",
        "unsafe",
        "async",
        "let",
        "macro_rules",
    ];
    let mut first = at;
    while tokens.get(first).is_some_and(|token| token.text == "#") {
        first = close(tokens, first + 1);
    }
    let item = tokens
        .get(first)
        .is_some_and(|token| ITEMS.contains(&token.text.as_str()));
    let mut place = first;
    while place < tokens.len() {
        match tokens[place].text.as_str() {
            "}" | ")" | "]" => return place, // the end of what the field or arm is in
            "," if !item => return place + 1,
            ";" => return place + 1,
            "{" => {
                place = close(tokens, place);
                let goes_on = tokens
                    .get(place)
                    .is_some_and(|token| matches!(token.text.as_str(), ";" | "," | "." | "else"));
                if !goes_on {
                    return place;
                }
            }
            "(" | "[" => place = close(tokens, place),
            _ => place += 1,
        }
    }
    place
}

/// Behind the bracket that closes the one at `at`.
pub fn close(tokens: &[Token], at: usize) -> usize {
    let mut depth = 0;
    for (offset, token) in tokens[at..].iter().enumerate() {
        match token.text.as_str() {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at + offset + 1;
        }
    }
    tokens.len()
}

#[test]
fn comments_and_tests_are_no_code() {
    for (text, expected) in [
        ("a::b // c\n/* d /* e */ f */ g", "a :: b g"),
        ("r#\"x \"y\"\"# 'a' '\\'' 'life", "r#\"x \"y\"\"# 'a' '\\'' 'life"),
        (
            "\"// no\\\" comment\" b\"x\" br\"y\" b'z'",
            "\"// no\\\" comment\" b\"x\" br\"y\" b'z'",
        ),
        ("#[cfg(test)]\nmod tests { fn f() {} }\nstruct A;", "struct A ;"),
        ("#[cfg(test)]\nuse a::{b, c};\nuse d;", "use d ;"),
        ("#[cfg(test)]\n#[path = \"x_tests.rs\"]\nmod tests;\nx", "x"),
        ("#[cfg(test)]\nfn f<A, B>(a: [A; 2]) -> B { c }\nx", "x"),
        ("match a { #[cfg(test)] B => { c } D => e }", "match a { D => e }"),
        ("S { #[cfg(test)] a: b, c: d }", "S { c : d }"),
    ] {
        let source = Source::new("src/a.rs", text);
        let words: Vec<&str> = source.code().iter().map(|token| token.text.as_str()).collect();
        assert_eq!(words.join(" "), expected, "{text}");
    }
    let lines: Vec<usize> = tokens("a\n\"b\nc\" d\n").iter().map(|token| token.line).collect();
    assert_eq!(lines, [1, 2, 3]);
}
