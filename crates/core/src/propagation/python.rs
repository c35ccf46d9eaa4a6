//! Lists as Langfuse's Python SDK writes them into a header: as Python prints them.
//! Called by `baggage`.

/// A list of strings as Python's `repr` writes it; `None` if the text is anything else.
pub(super) fn python_list(text: &str) -> Option<Vec<String>> {
    let mut rest = text.strip_prefix('[')?.trim_start();
    let mut items = Vec::new();
    while rest != "]" {
        let (item, after) = python_string(rest)?;
        items.push(item);
        rest = after.trim_start();
        match rest.strip_prefix(',') {
            Some(after) => rest = after.trim_start(),
            None if rest == "]" => {}
            None => return None,
        }
    }
    Some(items)
}

/// The quoted string at the beginning of `text`, and the text after it.
fn python_string(text: &str) -> Option<(String, &str)> {
    let mut chars = text.chars();
    let quote = chars.next().filter(|quote| matches!(quote, '\'' | '"'))?;
    let mut string = String::new();
    loop {
        match chars.next()? {
            end if end == quote => return Some((string, chars.as_str())),
            '\\' => {
                let digits = match chars.next()? {
                    'n' => Err('\n'),
                    'r' => Err('\r'),
                    't' => Err('\t'),
                    'x' => Ok(2),
                    'u' => Ok(4),
                    'U' => Ok(8),
                    other => Err(other),
                };
                string.push(match digits {
                    Err(plain) => plain,
                    Ok(digits) => {
                        let mut code = 0;
                        for _ in 0..digits {
                            code = code * 16 + chars.next()?.to_digit(16)?;
                        }
                        char::from_u32(code)?
                    }
                });
            }
            plain => string.push(plain),
        }
    }
}
