#include "agent/drivers/supervision.h"

#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>

namespace tidegate::agent {
namespace {

/// Texts one after the other, each ended by a NUL byte, which none of them holds.
class Writer {
public:
    void add(const std::string& text) { out_.append(text.c_str(), std::strlen(text.c_str()) + 1); }
    void add(std::int64_t number) { add(fmt::format("{}", number)); }
    void add(const std::vector<std::string>& texts) {
        add(static_cast<std::int64_t>(texts.size()));
        for (const auto& text : texts) add(text);
    }
    [[nodiscard]] const std::string& text() const { return out_; }

private:
    std::string out_;
};

class Reader {
public:
    explicit Reader(std::string_view text) : rest_{text} {}

    std::string text() {
        const auto end = rest_.find('\0');
        good_ = good_ && end != std::string_view::npos;
        if (!good_) return {};
        std::string out{rest_.substr(0, end)};
        rest_.remove_prefix(end + 1);
        return out;
    }
    std::int64_t number() {
        const auto digits = text();
        std::int64_t value = 0;
        const auto* end = digits.data() + digits.size();
        good_ = good_ && std::from_chars(digits.data(), end, value).ptr == end;
        return value;
    }
    std::vector<std::string> texts() {
        std::vector<std::string> out;
        for (auto left = number(); good_ && left > 0; --left) out.push_back(text());
        return out;
    }
    /// Everything was there, and nothing else.
    [[nodiscard]] bool good() const { return good_ && rest_.empty(); }

private:
    std::string_view rest_;
    bool good_ = true;
};

std::vector<std::string> ids_of(const std::optional<ProcessUser>& user) {
    if (!user) return {};
    std::vector<std::string> ids{fmt::format("{}", user->uid), fmt::format("{}", user->gid)};
    for (const auto group : user->groups) ids.push_back(fmt::format("{}", group));
    return ids;
}

std::optional<ProcessUser> user_of(const std::vector<std::string>& ids) {
    if (ids.size() < 2) return std::nullopt;
    std::vector<gid_t> numbers;
    for (const auto& id : ids) numbers.push_back(static_cast<gid_t>(std::stoul(id)));
    ProcessUser user;
    user.uid = numbers[0];
    user.gid = numbers[1];
    user.groups.assign(numbers.begin() + 2, numbers.end());
    return user;
}

}  // namespace

Result<FileDescriptor> write_order(const SupervisorOrder& order) {
    Writer writer;
    writer.add(order.command);
    writer.add(order.environment);
    writer.add(order.has_work_dir ? 1 : 0);
    writer.add(ids_of(order.user));
    writer.add(order.no_new_privileges ? 1 : 0);
    writer.add(order.closed_folder);
    writer.add(order.timeout.count());
    writer.add(order.grace.count());
    writer.add(order.name);
    writer.add(order.entry);
    writer.add(order.cgroup);
    FileDescriptor file{::memfd_create("order", MFD_CLOEXEC)};
    const auto& text = writer.text();
    const auto size = static_cast<ssize_t>(text.size());
    if (!file.valid() || ::pwrite(file.get(), text.data(), text.size(), 0) != size)
        return fail(ErrorCode::exhausted, "cannot start a process: {}", std::strerror(errno));
    return file;
}

Result<SupervisorOrder> read_order(int file) {
    struct stat found {};
    if (::fstat(file, &found) != 0) return fail(ErrorCode::invalid, "no order");
    std::string text(static_cast<std::size_t>(found.st_size), '\0');
    if (::pread(file, text.data(), text.size(), 0) != found.st_size)
        return fail(ErrorCode::invalid, "no order");
    Reader reader{text};
    SupervisorOrder order;
    order.command = reader.texts();
    order.environment = reader.texts();
    order.has_work_dir = reader.number() != 0;
    order.user = user_of(reader.texts());
    order.no_new_privileges = reader.number() != 0;
    order.closed_folder = reader.text();
    order.timeout = Milliseconds{reader.number()};
    order.grace = Milliseconds{reader.number()};
    order.name = reader.text();
    order.entry = reader.text();
    order.cgroup = reader.text();
    if (!reader.good() || order.command.empty()) return fail(ErrorCode::invalid, "no order");
    return order;
}

}  // namespace tidegate::agent
