#pragma once
/// A script's body as a file that only its user can read; gone with this object.

#include <string>
#include <string_view>

#include "agent/drivers/user.h"
#include "schema/base/result.h"

namespace tidegate::agent {

class ScriptFile {
public:
    /// `owner`: null = the agent's own user.
    [[nodiscard]] static Result<ScriptFile> write(const std::string& folder, std::string_view body,
                                                  const ProcessUser* owner);
    ScriptFile(ScriptFile&& other) noexcept;
    ScriptFile& operator=(ScriptFile&&) = delete;
    ~ScriptFile();

    [[nodiscard]] const std::string& path() const { return path_; }

private:
    ScriptFile() = default;
    std::string path_;
};

}  // namespace tidegate::agent
