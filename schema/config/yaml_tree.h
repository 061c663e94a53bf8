#pragma once
/// YAML text as a bounded tree with places; the only part that knows yaml-cpp. Private to
/// schema/config.

#include <string>
#include <string_view>
#include <vector>

#include "schema/base/result.h"

namespace tidegate::config {

/// One value of a YAML document. `broken` stands where an error was reported already (an alias,
/// say): whoever meets it keeps quiet.
struct Node {
    enum class Kind { null, scalar, list, map, broken };
    Kind kind = Kind::null;
    bool quoted = false;  ///< scalar: quoted or a block; then always a string
    int line = 1;
    int column = 1;
    std::string text;         ///< scalar, unescaped
    std::vector<Node> keys;   ///< map: keys[i] belongs to items[i]; always scalars
    std::vector<Node> items;  ///< list, map
};

struct YamlTree {
    Node root;
    std::vector<Error> errors;
    std::vector<Error> newer{};  ///< what is an error since Checks::second, in order
    bool usable = false;  ///< false: the text could not be read to its end, `root` is not whole
};

/// Parses by events, never into yaml-cpp's own nodes: aliases of 346 bytes can make millions of
/// those, and cyclic ones end a walk in a crash.
[[nodiscard]] YamlTree parse_yaml(std::string_view file, std::string_view text);

}  // namespace tidegate::config
