//! A strict reader of what Prometheus scrapes: the classic text format 0.0.4 and `OpenMetrics` 1.0.
//!
//! Stricter than Prometheus on purpose: every sample needs a family with TYPE and HELP, families are in one piece,
//! nothing is said twice, escapes are those of the format, histograms add up. Neither timestamps nor exemplars: the
//! daemon has none.

use std::collections::{BTreeMap, BTreeSet};

/// Which text format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `text/plain; version=0.0.4`
    Classic,
    /// `application/openmetrics-text; version=1.0.0`
    OpenMetrics,
}

/// A metric family as declared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Family {
    /// In `OpenMetrics` without `_total` and `_info`, in the classic format with them.
    pub name: String,
    pub kind: String,
    pub help: String,
}

/// One line.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    pub name: String,
    pub labels: BTreeMap<String, String>,
    pub value: f64,
}

/// One scrape.
#[derive(Clone, Debug, Default)]
pub struct Exposition {
    pub families: Vec<Family>,
    pub samples: Vec<Sample>,
}

type Labels = BTreeMap<String, String>;

impl Exposition {
    /// Reads one scrape; the error names the line.
    pub fn parse(format: Format, text: &str) -> Result<Self, String> {
        let mut reader = Reader::new(format);
        let text = match format {
            Format::Classic => text.strip_suffix('\n').ok_or("the last line has no end")?,
            Format::OpenMetrics => text.strip_suffix("\n# EOF\n").ok_or("it does not end in # EOF")?,
        };
        for (number, line) in text.split('\n').enumerate() {
            reader
                .line(line)
                .map_err(|e| format!("line {}: {e}: {line:?}", number + 1))?;
        }
        reader.close()?;
        Ok(reader.found)
    }

    /// The one sample with this name and at least these labels; fails the test when there are several.
    #[track_caller]
    pub fn value(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let found = self.all(name, labels);
        assert!(found.len() < 2, "{name} {labels:?} is ambiguous: {found:?}");
        found.first().map(|sample| sample.value)
    }

    /// All samples with this name and at least these labels.
    pub fn all(&self, name: &str, labels: &[(&str, &str)]) -> Vec<&Sample> {
        let has = |sample: &Sample| {
            let mut labels = labels.iter();
            labels.all(|(name, value)| sample.labels.get(*name).is_some_and(|is| is == value))
        };
        self.samples.iter().filter(|s| s.name == name && has(s)).collect()
    }

    /// All series about a device.
    pub fn of_device(&self, device: &str) -> Vec<&Sample> {
        let about = |sample: &&Sample| sample.labels.get("device").is_some_and(|is| is == device);
        self.samples.iter().filter(about).collect()
    }

    /// The values of a label over all samples of a name.
    pub fn values_of(&self, name: &str, label: &str) -> BTreeSet<String> {
        self.all(name, &[])
            .iter()
            .filter_map(|sample| sample.labels.get(label).cloned())
            .collect()
    }
}

struct Reader {
    format: Format,
    found: Exposition,
    /// The family being read, and whether a sample of it has been seen.
    open: Option<(Family, bool)>,
    names: BTreeSet<String>,
    series: BTreeSet<(String, Vec<(String, String)>)>,
    /// Samples of the open family, for the sums of its histograms.
    members: Vec<Sample>,
}

impl Reader {
    fn new(format: Format) -> Self {
        Self {
            format,
            found: Exposition::default(),
            open: None,
            names: BTreeSet::new(),
            series: BTreeSet::new(),
            members: Vec::new(),
        }
    }

    fn line(&mut self, line: &str) -> Result<(), String> {
        if line.is_empty() {
            return match self.format {
                Format::Classic => Ok(()),
                Format::OpenMetrics => Err("an empty line".into()),
            };
        }
        let Some(comment) = line.strip_prefix('#') else {
            return self.sample(line);
        };
        let mut words = comment.trim_start_matches(' ').splitn(3, ' ');
        let (word, name, rest) = (words.next().unwrap_or(""), words.next(), words.next());
        match (word, name, rest) {
            ("HELP", Some(name), Some(help)) => {
                let quote = self.format == Format::OpenMetrics;
                let help = unescape(help, quote)?;
                let family = self.declare(name)?;
                once(&mut family.help, &help, "HELP")
            }
            ("TYPE", Some(name), Some(kind)) => {
                let known: &[&str] = match self.format {
                    Format::Classic => &["counter", "gauge", "histogram", "summary", "untyped"],
                    Format::OpenMetrics => &[
                        "counter",
                        "gauge",
                        "histogram",
                        "info",
                        "stateset",
                        "summary",
                        "unknown",
                    ],
                };
                if !known.contains(&kind) {
                    return Err(format!("a type {kind:?}"));
                }
                let family = self.declare(name)?;
                once(&mut family.kind, kind, "TYPE")
            }
            ("UNIT", Some(name), Some(unit)) if self.format == Format::OpenMetrics => {
                self.declare(name)?;
                if name.ends_with(&format!("_{unit}")) {
                    Ok(())
                } else {
                    Err("the unit is not in the name".into())
                }
            }
            ("HELP" | "TYPE", ..) => Err("half a declaration".into()),
            _ if self.format == Format::Classic => Ok(()),
            _ => Err("a comment".into()),
        }
    }

    fn declare(&mut self, name: &str) -> Result<&mut Family, String> {
        check_name(name, true)?;
        if self.open.as_ref().is_none_or(|(family, _)| family.name != name) {
            self.close()?;
            if !self.names.insert(name.into()) {
                return Err("the family comes a second time".into());
            }
            let family = Family {
                name: name.into(),
                ..Family::default()
            };
            self.open = Some((family, false));
        }
        match &mut self.open {
            Some((family, false)) => Ok(family),
            _ => Err("a declaration after a sample".into()),
        }
    }

    fn sample(&mut self, line: &str) -> Result<(), String> {
        let end = line.find(['{', ' ']).ok_or("no value")?;
        let (name, rest) = line.split_at(end);
        check_name(name, true)?;
        let (labels, rest) = match rest.strip_prefix('{') {
            Some(rest) => read_labels(rest)?,
            None => (Labels::new(), rest),
        };
        let value = number(rest.strip_prefix(' ').ok_or("no space before the value")?)?;
        let (family, used) = self.open.as_mut().ok_or("a sample without a family")?;
        if family.kind.is_empty() || family.help.is_empty() {
            return Err("a family without TYPE or HELP".into());
        }
        belongs(self.format, family, name, &labels, value)?;
        *used = true;
        let key = labels.iter().map(|(n, v)| (n.clone(), v.clone())).collect();
        if !self.series.insert((name.into(), key)) {
            return Err("the series comes a second time".into());
        }
        let sample = Sample {
            name: name.into(),
            labels,
            value,
        };
        self.members.push(sample);
        Ok(())
    }

    fn close(&mut self) -> Result<(), String> {
        let Some((family, _)) = self.open.take() else {
            return Ok(());
        };
        if family.kind.is_empty() || family.help.is_empty() {
            return Err(format!("{}: without TYPE or HELP", family.name));
        }
        if family.kind == "histogram" {
            check_histogram(&family, &self.members)?;
        }
        self.found.samples.append(&mut self.members);
        self.found.families.push(family);
        Ok(())
    }
}

fn once(place: &mut String, text: &str, what: &str) -> Result<(), String> {
    if !place.is_empty() || text.is_empty() {
        return Err(format!("{what} empty, or a second time"));
    }
    text.clone_into(place);
    Ok(())
}

/// Whether a sample may stand in this family.
fn belongs(format: Format, family: &Family, name: &str, labels: &Labels, value: f64) -> Result<(), String> {
    let suffix = name
        .strip_prefix(family.name.as_str())
        .ok_or("a sample of another family")?;
    let allowed: &[&str] = match (format, family.kind.as_str()) {
        (_, "histogram") => &["_bucket", "_sum", "_count"],
        (Format::OpenMetrics, "counter") => &["_total"],
        (Format::OpenMetrics, "info") => &["_info"],
        _ => &[""],
    };
    if !allowed.contains(&suffix) {
        return Err(format!("no sample of a {} {}", family.kind, family.name));
    }
    if family.kind == "counter" && !name.ends_with("_total") {
        return Err("a counter whose name does not end in _total".into());
    }
    if (family.kind == "counter" || family.kind == "histogram") && (value.is_nan() || value < 0.0) {
        return Err("a counter below zero".into());
    }
    if name.ends_with("_info") && value.to_bits() != 1f64.to_bits() {
        return Err("an info that is not 1".into());
    }
    if labels.contains_key("le") != (suffix == "_bucket") {
        return Err("le belongs on buckets, and only there".into());
    }
    Ok(())
}

/// Buckets rise and end in +Inf, which is the count; there is a sum; each histogram is in one piece.
fn check_histogram(family: &Family, samples: &[Sample]) -> Result<(), String> {
    // label set without le -> (bucket bounds and counts in the order read, sum, count)
    type Parts = (Vec<(f64, f64)>, Option<f64>, Option<f64>);
    let mut groups: BTreeMap<Labels, Parts> = BTreeMap::new();
    let mut last = None;
    for sample in samples {
        let mut labels = sample.labels.clone();
        let bound = labels.remove("le");
        if last.as_ref() != Some(&labels) && groups.contains_key(&labels) {
            return Err(format!("{}: {labels:?} is not in one piece", family.name));
        }
        let group = groups.entry(labels.clone()).or_default();
        match (&sample.name[family.name.len()..], bound) {
            ("_bucket", Some(bound)) => group.0.push((number(&bound)?, sample.value)),
            ("_sum", _) => group.1 = Some(sample.value),
            _ => group.2 = Some(sample.value),
        }
        last = Some(labels);
    }
    for (labels, (buckets, sum, count)) in groups {
        let rising = buckets
            .windows(2)
            .all(|pair| pair[0].0 < pair[1].0 && pair[0].1 <= pair[1].1);
        let total = buckets
            .last()
            .filter(|(bound, _)| bound.is_infinite())
            .map(|(_, total)| *total);
        if !rising || total.is_none() || total != count || sum.is_none() {
            return Err(format!("{} {labels:?}: buckets, sum and count do not fit", family.name));
        }
    }
    Ok(())
}

fn check_name(name: &str, colon: bool) -> Result<(), String> {
    let good = |c: char| c.is_ascii_alphabetic() || c == '_' || (colon && c == ':');
    let first = name.chars().next().is_some_and(good);
    if first && name.chars().all(|c| good(c) || c.is_ascii_digit()) {
        Ok(())
    } else {
        Err(format!("a name {name:?}"))
    }
}

fn number(text: &str) -> Result<f64, String> {
    match text {
        "+Inf" => Ok(f64::INFINITY),
        "-Inf" => Ok(f64::NEG_INFINITY),
        "NaN" => Ok(f64::NAN),
        _ if text.starts_with(|c: char| c.is_ascii_digit() || c == '-') => {
            text.parse().map_err(|_| format!("a number {text:?}"))
        }
        _ => Err(format!("a number {text:?}")),
    }
}

/// `name="value",name="value"}`: the labels and what follows.
fn read_labels(mut rest: &str) -> Result<(Labels, &str), String> {
    let mut labels = Labels::new();
    if let Some(rest) = rest.strip_prefix('}') {
        return Ok((labels, rest));
    }
    loop {
        let (name, after) = rest.split_once("=\"").ok_or("a label without a value")?;
        check_name(name, false)?;
        let mut escaped = false;
        let end = after.find(|c| {
            let end = c == '"' && !escaped;
            escaped = c == '\\' && !escaped;
            end
        });
        let (value, after) = after.split_at(end.ok_or("a label value without an end")?);
        if labels.insert(name.into(), unescape(value, true)?).is_some() {
            return Err(format!("the label {name} twice"));
        }
        match after.as_bytes().get(1) {
            Some(b',') => rest = &after[2..],
            Some(b'}') => return Ok((labels, &after[2..])),
            _ => return Err("neither , nor } after a label".into()),
        }
    }
}

/// Undoes `\\`, `\n` and, where it may be escaped, `\"`.
fn unescape(text: &str, quote: bool) -> Result<String, String> {
    let mut plain = String::new();
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        plain.push(match letter {
            '\\' => match letters.next() {
                Some('\\') => '\\',
                Some('n') => '\n',
                Some('"') if quote => '"',
                other => return Err(format!("an escape \\{}", other.unwrap_or(' '))),
            },
            other => other,
        });
    }
    Ok(plain)
}
