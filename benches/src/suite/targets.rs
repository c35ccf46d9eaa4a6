//! Targets, and whether they are reached.

/// A ratio against its target.
pub struct Target {
    pub what: String,
    pub ratio: f64,
    pub target: f64,
    /// Whether more is better.
    pub at_least: bool,
}

impl Target {
    pub fn at_most(what: impl Into<String>, ratio: f64, target: f64) -> Self {
        Self { what: what.into(), ratio, target, at_least: false }
    }

    pub fn at_least(what: impl Into<String>, ratio: f64, target: f64) -> Self {
        Self { what: what.into(), ratio, target, at_least: true }
    }

    fn reached(&self) -> bool {
        if self.at_least { self.ratio >= self.target } else { self.ratio <= self.target }
    }
}

/// The table that matters: the ratio first.
pub fn print(title: &str, targets: &[Target]) {
    println!("### {title}\n\n| ratio | target | | what |\n|--:|--:|---|---|");
    for target in targets {
        let bound = if target.at_least { "≥" } else { "≤" };
        let verdict = match target.ratio {
            ratio if ratio.is_nan() => "not measured",
            _ if target.reached() => "reached",
            _ => "missed",
        };
        println!("| {:.2} | {bound} {} | {verdict} | {} |", target.ratio, target.target, target.what);
    }
    println!();
}
