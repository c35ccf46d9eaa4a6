use tracefuse_console::*;
fn main() {
    let ms = 1_000_000u64;
    let width: usize = std::env::args().nth(1).unwrap().parse().unwrap();
    let color = std::env::args().nth(2).is_some();
    let h = TreeHeader::new("support-chat", "4bf92f3577b34da6a3ce929d0e0e4736")
        .user("user123")
        .session("session456")
        .tag("production")
        .tag("beta");
    let s = vec![
        TreeSpan::new("1", "support-chat", 0, 1840*ms).kind("agent").input("What's the weather in Berlin, and should I\ntake an umbrella?").output("Light rain until the evening, 12 °C. Yes, take one."),
        TreeSpan::new("2", "rewrite-query", 4*ms, 31*ms).parent("1"),
        TreeSpan::new("3", "vector-search", 33*ms, 243*ms).parent("1").kind("RETRIEVER").input("weather berlin umbrella").output(r#"[{"id":"doc-17","score":0.83,"text":"Berlin has a temperate climate with rain in all months of the year"},{"id":"doc-4","score":0.79}]"#),
        TreeSpan::new("4", "embed", 34*ms, 96*ms).parent("3").kind("embedding").model("text-embedding-3-small").usage([("input", 9u64)]).cost(0.00000018),
        TreeSpan::new("e", "cache-miss", 35*ms, 35*ms).parent("3").kind("event"),
        TreeSpan::new("5", "get_weather", 250*ms, 552*ms).parent("1").kind("tool").level("ERROR").status_message("reqwest::Error: error sending request").exception("reqwest::Error: error sending request", ["connection refused (os error 111)".to_owned()]).input(r#"{"city":"Berlin"}"#),
        TreeSpan::new("6", "get_weather", 570*ms, 701*ms).parent("1").kind("tool").level("WARNING").status_message("second try").input(r#"{"city":"Berlin"}"#).output(r#"{"temp":12,"sky":"light rain"}"#),
        TreeSpan::new("7", "answer", 710*ms, 1830*ms).parent("1").kind("generation").model("gpt-4o").usage([("input", 512u64), ("input_cached_tokens", 512), ("output", 200)]).cost(0.0041).first_token_ns(1010*ms).input(r#"[{"role":"system","content":"You are helpful"},{"role":"user","content":"What's the weather?"}]"#).output("Light rain until the evening, 12 °C. Yes, take one."),
    ];
    print!("{}", render_tree(&h, &s, width, color));
}
