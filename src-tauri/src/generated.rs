//! What the page is made of, generated from the one interface: its types (`ui/src/bindings.ts`),
//! what may leave it (`isolation/requests.js`), and how its tests expect spans of time and shares to be told.
//! The test fails when a file that is checked in differs; `cargo xtask accept` writes them anew.

use crate::shell::Shown;
use schemars::generate::SchemaSettings;
use serde::Serialize;
use serde_json::{Map, Value, json};
use sluice_core::settings::AMOUNTS;
use sluice_engine::explain;
use sluice_protocol::limits::{
    CEILING_LEAST, CEILING_MOST, DRAWN_FULL_PERCENT, DRAWN_HIGH_PERCENT, LABEL_CHARS_MAX,
    RESETS_MAX,
};
use sluice_protocol::words::{ago, percent, wait};
use sluice_protocol::{
    Answer, Mode, Need, NoticeKind, Provider, Refusal, Request, RuleSet, Trigger, branch, deadline,
    window_may_ask,
};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use ts_rs::{Config, TS, TypeVisitor};

#[test]
fn what_the_page_is_made_of_is_that_of_the_interface() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (file, wanted) in [
        ("../ui/src/bindings.ts", types()),
        ("isolation/requests.js", what_may_leave()),
        ("../ui/tests/spans.json", spans()),
        ("../ui/tests/shares.json", shares()),
    ] {
        let path = root.join(file);
        if std::env::var_os("INSTA_UPDATE").is_some_and(|how| how == "always") {
            std::fs::write(&path, &wanted).expect("write");
        }
        let found = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(found == wanted, "{file} is old; write it anew with `cargo xtask accept`");
    }
}

/// The declarations by name: `ts_rs` tells what a type needs in another order after each compilation.
struct Declarations<'a> {
    config: &'a Config,
    by_name: BTreeMap<String, String>,
}

impl TypeVisitor for Declarations<'_> {
    fn visit<T: TS + 'static + ?Sized>(&mut self) {
        // What has no name of its own (lists, numbers) is written where it is used.
        if T::output_path().is_some() {
            let name = T::name(self.config);
            if self.by_name.contains_key(&name) {
                return;
            }
            let docs = T::docs().unwrap_or_default();
            let declaration = T::decl(self.config);
            self.by_name.insert(name, format!("\n{docs}export {declaration}\n"));
        }
        T::visit_generics(self);
        T::visit_dependencies(self);
    }
}

/// Milliseconds, rows and percent all fit a number of the page.
fn types() -> String {
    let config = Config::new().with_large_int("number");
    let text =
        "// Generated from the application's interface; `cargo xtask accept` writes it anew.\n";
    let mut all = Declarations { config: &config, by_name: BTreeMap::new() };
    all.visit::<Shown>();
    all.visit::<Request>();
    all.visit::<Answer>();
    all.visit::<NoticeKind>();
    let declarations: String = all.by_name.into_values().collect();
    text.to_owned()
        + &declarations
        + &shared_words()
        + &deadlines()
        + &providers()
        + &bounds()
        + &steps()
}

/// The requests that the window may make, each with its shape as values enter Rust; and what the shapes
/// refer to.
fn requests() -> (Vec<(Request, Value)>, Value) {
    let settings = SchemaSettings::draft2020_12().for_deserialize();
    let schema = settings.into_generator().into_root_schema_for::<Request>();
    let mut schema = schema.to_value();
    let all = schema["$defs"].take();
    let shapes = schema["oneOf"].as_array().expect("one shape per verb");
    let requests = shapes.iter().map(|shape| {
        let sample = sample(shape, &all);
        let request = serde_json::from_value(sample.clone());
        (request.unwrap_or_else(|error| panic!("{sample}: {error}")), shape.clone())
    });
    (requests.filter(|(request, _)| window_may_ask(request)).collect(), all)
}

/// How long the page waits for an answer.
fn deadlines() -> String {
    let mut text = "\n/** How long the page waits for the answer to each request it may make, milliseconds. */\n\
                    export const DEADLINES_MS = {\n"
        .to_owned();
    for (request, shape) in requests().0 {
        let verb = shape["properties"]["verb"]["const"].as_str().expect("a verb");
        writeln!(text, "  {verb}: {},", deadline(&request).as_millis()).expect("a text");
    }
    text + "};\n\n/** What the page may ask. */\n\
            export type Askable = Extract<Request, { verb: keyof typeof DEADLINES_MS }>;\n"
}

/// What people read of a provider's tool.
fn providers() -> String {
    let mut text =
        "\n/** Each provider's tool: its name, its program, the command to sign in, and what spends a limit reset. */\n\
                    export const PROVIDERS: Record<Provider, \
                    { tool: string, program: string, sign_in: string, reset_command: string }> = {\n"
            .to_owned();
    for provider in Provider::ALL {
        let spec = provider.spec();
        let words = [spec.tool, spec.program, &spec.sign_in_command(), spec.resets.command];
        let [tool, program, sign_in, reset] = words.map(|words| json!(words));
        let fields =
            format!("tool: {tool}, program: {program}, sign_in: {sign_in}, reset_command: {reset}");
        writeln!(text, "  {}: {{ {fields} }},", spec.name).expect("a text");
    }
    let usual = json!(Provider::USUAL);
    text + "};\n\n/** Taken where nobody names one. */\n"
        + &format!("export const USUAL_PROVIDER: Provider = {usual};\n")
}

/// What a form lets through.
fn bounds() -> String {
    let mut text = format!(
        "\n/** The longest name of an account, characters. */\n\
         export const LABEL_CHARS_MAX = {LABEL_CHARS_MAX};\n\n\
         /** The most limit resets that an account has. */\n\
         export const RESETS_MAX = {RESETS_MAX};\n\n\
         /** The least and the highest ceiling of tools at work or started. */\n\
         export const CEILING_LEAST = {CEILING_LEAST};\n\
         export const CEILING_MOST = {CEILING_MOST};\n\n\
         /** The settings that are numbers: the least and the most that each may be, and the one policy that reads it. */\n\
         export const AMOUNTS = {{\n"
    );
    for amount in AMOUNTS {
        let (key, least, most) = (amount.key, amount.least, amount.most);
        let policy = json!(amount.policy);
        writeln!(text, "  {key}: {{ least: {least}, most: {most}, policy: {policy} }},")
            .expect("a text");
    }
    text + "};\n"
}

/// Around the minutes where another unit begins: the page tells spans with code of its own.
fn spans() -> String {
    let minutes = [0, 1, 2, 60, 61, 120, 130, 1_440, 1_441, 1_500, 2_880, 4_560];
    let millis = minutes.iter().map(|minutes| minutes * 60_000);
    let rows = millis.flat_map(|edge| [edge - 1, edge, edge + 1]).map(|millis| {
        let (wait, ago) = (wait(millis), ago(millis));
        format!(r#"  {{ "millis": {millis}, "wait": "{wait}", "ago": "{ago}" }}"#)
    });
    format!("[\n{}\n]\n", rows.collect::<Vec<_>>().join(",\n"))
}

/// Around the halves, where languages round in their own ways.
fn shares() -> String {
    let shares = [0.0, 0.4, 0.5, 1.5, 2.5, 42.0, 99.4, 99.5, 100.0].map(Some);
    let rows = shares.into_iter().chain([None]).map(|share| {
        let (value, text) = (json!(share), percent(share));
        format!(r#"  {{ "share": {value}, "text": "{text}" }}"#)
    });
    format!("[\n{}\n]\n", rows.collect::<Vec<_>>().join(",\n"))
}

/// From which shares on a window's colour changes.
fn steps() -> String {
    format!(
        "\n/** From these shares on a window is drawn as full, and as well used. */\n\
         export const DRAWN_FULL_PERCENT = {DRAWN_FULL_PERCENT};\n\
         export const DRAWN_HIGH_PERCENT = {DRAWN_HIGH_PERCENT};\n"
    )
}

fn what_may_leave() -> String {
    let (requests, all) = requests();
    let shapes: Vec<Value> = requests.into_iter().map(|(_, shape)| shape).collect();
    let schema = without_words(json!({ "oneOf": shapes, "$defs": all }));
    let schema = serde_json::to_string_pretty(&schema).expect("a schema");
    format!(
        "// Generated from the application's `Request`; `cargo xtask accept` writes it anew.\n\
         \"use strict\";\n\nwindow.SLUICE_REQUESTS = {schema};\n"
    )
}

/// The smallest value of a shape.
fn sample(shape: &Value, all: &Value) -> Value {
    if let Some(name) = shape["$ref"].as_str() {
        let mut value = sample(&all[name.rsplit('/').next().expect("a name")], all);
        // A verb in front of the fields of a type.
        if let (Some(fields), Value::Object(own)) = (value.as_object_mut(), object(shape, all)) {
            fields.extend(own);
        }
        return value;
    }
    if let Some(fixed) = shape.get("const") {
        return fixed.clone();
    }
    if let Some(first) = shape["enum"].get(0) {
        return first.clone();
    }
    for choice in ["oneOf", "anyOf"] {
        if let Some(first) = shape[choice].get(0) {
            return sample(first, all);
        }
    }
    match shape["type"].as_str() {
        Some("object") => object(shape, all),
        Some("string") => "".into(),
        Some("integer" | "number") => 1.into(),
        Some("boolean") => true.into(),
        Some("array") => json!([]),
        _ => Value::Null,
    }
}

fn object(shape: &Value, all: &Value) -> Value {
    let required = shape["required"].as_array().map_or(&[][..], Vec::as_slice);
    let fields = required.iter().map(|name| {
        let name = name.as_str().expect("a name");
        (name.to_owned(), sample(&shape["properties"][name], all))
    });
    fields.collect::<Map<_, _>>().into()
}

/// The shape alone: a filter needs no documentation, and none of the definitions nobody refers to.
fn without_words(value: Value) -> Value {
    let mut value = bare(value);
    loop {
        let text = value.to_string();
        let definitions = value["$defs"].as_object_mut().expect("definitions");
        let before = definitions.len();
        definitions.retain(|name, _| text.contains(&format!("\"#/$defs/{name}\"")));
        if definitions.len() == before {
            return value;
        }
    }
}

fn bare(value: Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .into_iter()
            .filter(|(name, value)| {
                !(name == "description" && value.is_string()
                    || matches!(name.as_str(), "default" | "title" | "$schema"))
            })
            .map(|(name, value)| (name, bare(value)))
            .collect::<Map<_, _>>()
            .into(),
        Value::Array(rows) => rows.into_iter().map(bare).collect(),
        other => other,
    }
}

/// Words that the page shares with tray, notifications and command line: each has one home.
fn shared_words() -> String {
    let switches = NoticeKind::switches().map(|kind| {
        let (words, hint) = (kind.words(), kind.hint());
        json!({ "kind": kind, "words": words, "hint": hint, "on_at_first": !kind.is_wished() })
    });
    let modes = Mode::ALL
        .into_iter()
        .map(|mode| json!({ "mode": mode, "words": mode.words(), "hint": mode.hint() }));
    let rule_sets = RuleSet::KNOWN.into_iter().map(|one| {
        let (words, decides) = (one.words(), one.policy().is_some());
        json!({ "name": one, "words": words, "decides": decides })
    });
    let tables = [
        (
            "The branch of a decision.",
            "triggerWords",
            "Record<Trigger, string>",
            table(&[&Trigger::ALL[..], &[Trigger::Other]].concat(), branch::trigger),
        ),
        (
            "What is the matter, after a name.",
            "needWords",
            "Record<Need, string>",
            table(Need::ALL, Need::words),
        ),
        (
            "What stands against an account, as the end of \"it …\".",
            "refusalWords",
            "Record<Refusal, string>",
            table(&Refusal::ALL, explain::refusal),
        ),
        (
            "The modes in their order.",
            "modes",
            "{ mode: Mode; words: string; hint: string }[]",
            modes.collect(),
        ),
        (
            "The rule sets in their order, and whether each may decide.",
            "ruleSets",
            "{ name: RuleSet; words: string; decides: boolean }[]",
            rule_sets.collect(),
        ),
        (
            "Kinds of notices that can be switched, in their order.",
            "noticeSwitches",
            "{ kind: NoticeKind; words: string; hint: string | null; on_at_first: boolean }[]",
            switches.collect(),
        ),
    ];
    let written = tables.into_iter().map(|(doc, name, shape, value)| {
        let value = serde_json::to_string_pretty(&value).expect("words");
        format!("\n/** {doc} */\nexport const {name}: {shape} = {value};\n")
    });
    written.collect()
}

fn table<T: Copy + Serialize>(all: &[T], words: impl Fn(T) -> &'static str) -> Value {
    let rows = all.iter().map(|one| {
        let name = json!(one).as_str().expect("a word").to_owned();
        (name, words(*one).into())
    });
    rows.collect::<Map<_, _>>().into()
}
