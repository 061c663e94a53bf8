// Texts with variables: any text, with variables that any text defines.
#include "schema/resolve/expand.h"
#include "tests/fuzz/fuzzer.h"

namespace tidegate::fuzz {

/// `text`, then `NAME=template` lines.
void run(std::string_view input) {
    const auto take_line = [&] {
        const auto end = input.find('\n');
        const auto line = input.substr(0, end);
        input.remove_prefix(end == std::string_view::npos ? input.size() : end + 1);
        return std::string{line};
    };
    const auto text = take_line();
    Variables variables;
    while (!input.empty() && variables.size() < 64) {
        const auto line = take_line();
        const auto equals = line.find('=');
        if (equals == std::string::npos) continue;
        auto& variable = variables[line.substr(0, equals)];
        variable.type = VariableType::template_text;
        variable.value = line.substr(equals + 1);
    }
    VariableScope scope{"prod"};
    scope.add(variables);
    const bool sound = check_texts({{text, {}}}, scope).empty();
    const auto expanded = expand(text, scope);
    if (!sound) return;
    // Beforehand only names and forms are known, not sizes, and built-ins come later.
    require(expanded || expanded.error().code == ErrorCode::exhausted ||
                expanded.error().code == ErrorCode::not_found,
            "what was checked expands");
}

}  // namespace tidegate::fuzz
