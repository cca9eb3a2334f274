//! Names in a sentence.

/// How many a message names; of the others it tells how many there are.
const MOST: usize = 5;

/// The first few names, each once, and how many more there are: `a, b, … (+3)`.
pub fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let mut once: Vec<&str> = Vec::new();
    for name in names {
        if !once.contains(&name) {
            once.push(name);
        }
    }
    let more = once.len().saturating_sub(MOST);
    once.truncate(MOST);
    let mut text = once.join(", ");
    if more > 0 {
        text.push_str(&[", … (+", &more.to_string(), ")"].concat());
    }
    text
}
