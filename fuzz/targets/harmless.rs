//! What no report may hold, whatever its input was.

/// Octets that may be part of something that acts: control characters but line ends, and all that is not ASCII.
const SUSPECT: [bool; 256] = {
    let mut suspect = [false; 256];
    let mut octet = 0;
    while octet < 256 {
        suspect[octet] =
            octet >= 0x7f || (octet < 0x20 && octet != b'\n' as usize && octet != b'\r' as usize);
        octet += 1;
    }
    suspect
};

/// Panics if a text in that format could act on whoever looks at it.
pub fn check(format: &str, text: &str) {
    // A table, and no look at single characters where it is not needed: a fuzzer counts comparisons, and pages are long.
    let suspect = |line: &&str| line.bytes().fold(false, |any, octet| any | SUSPECT[octet as usize]);
    for c in text.split('\n').filter(suspect).flat_map(str::chars) {
        let moves = c.is_control() && !matches!(c, '\n' | '\r');
        let hides = matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
        assert!(!moves && !hides, "{format} holds {c:?}");
    }
    match format {
        "html" => html(text),
        "csv" => text.split("\r\n").skip(1).for_each(|row| {
            cells(row).iter().for_each(|cell| {
                let number = cell.parse::<i128>().is_ok();
                assert!(number || !cell.starts_with(['=', '+', '-', '@']), "a formula: {cell}");
            });
        }),
        "ndjson" => text.lines().for_each(|line| {
            serde_json::from_str::<serde_json::Value>(line).expect("JSON");
        }),
        _ => {}
    }
}

/// The tags and attributes of the page are those that the program writes.
fn html(page: &str) {
    const TAGS: &[&str] = &[
        "!DOCTYPE",
        "html",
        "head",
        "meta",
        "title",
        "style",
        "body",
        "script",
        "header",
        "main",
        "nav",
        "section",
        "article",
        "footer",
        "aside",
        "h1",
        "h2",
        "h3",
        "h4",
        "p",
        "a",
        "ul",
        "ol",
        "li",
        "dl",
        "div",
        "dt",
        "dd",
        "table",
        "caption",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "code",
        "pre",
        "span",
        "strong",
        "em",
        "b",
        "i",
        "time",
        "details",
        "summary",
        "label",
        "input",
        "button",
        "svg",
        "g",
        "line",
        "path",
        "rect",
        "circle",
        "polyline",
        "polygon",
        "text",
        "tspan",
        "desc",
        "defs",
        "marker",
        "figure",
        "figcaption",
        "br",
        "hr",
        "small",
        "kbd",
        "cite",
        "samp",
        "abbr",
        "select",
        "option",
        "use",
        "symbol",
        "ellipse",
        "sup",
        "sub",
        "blockquote",
        "del",
        "ins",
    ];
    assert_eq!(page.matches("<script").count(), 1);
    assert_eq!(page.matches("<style").count(), 1);
    let body = page.split("<body>").nth(1).expect("a body");
    let body = body.split("<script").next().expect("a body");
    for tag in body.split('<').skip(1) {
        let tag = tag.split('>').next().unwrap_or_default();
        let name = tag.trim_start_matches('/').split([' ', '\n', '/']).next().unwrap_or_default();
        assert!(TAGS.contains(&name), "a tag of its own: <{tag}>");
        assert!(!tag.contains(" on") || !tag.contains("=\"javascript"), "<{tag}>");
    }
}

/// The cells of a row as a spreadsheet sees them.
fn cells(row: &str) -> Vec<String> {
    let (mut cells, mut quoted) = (vec![String::new()], false);
    let mut chars = row.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            // A quote inside of quotes is written twice.
            '"' if quoted && chars.next_if_eq(&'"').is_some() => cells.last_mut().expect("a cell").push('"'),
            '"' => quoted = !quoted,
            ',' if !quoted => cells.push(String::new()),
            c => cells.last_mut().expect("a cell").push(c),
        }
    }
    cells
}
