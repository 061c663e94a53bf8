// A journal record of an agent: any payload, and what is read is written alike.
#include "agent/journal/record.h"
#include "tests/fuzz/fuzzer.h"

namespace tidegate::fuzz {

void run(std::string_view input) {
    if (input.empty()) return;
    const auto record = agent::decode(input.front(), input.substr(1));
    if (!record) return;
    const auto again = agent::encode(*record);
    require(again.has_value(), "what was read can be written");
    const auto same = agent::decode(again->type, again->payload);
    require(same && agent::encode(*same)->payload == again->payload, "and comes back");
}

}  // namespace tidegate::fuzz
