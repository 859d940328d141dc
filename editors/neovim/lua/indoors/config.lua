-- What a person may set, in one table: `vim.g.indoors`, or the same given to `require('indoors').setup`.
--
-- `settings` is for the server and is passed on as it is (docs/configuration.md). Everything else is about this editor.

local M = {}

---@class indoors.Config
---@field python string? absolute path of the interpreter that has Indoors; found by itself where it is in a known place
---@field cmd string[]? the whole command, instead of `python`
---@field filetypes string[]? where Indoors is attached
---@field settings table? the server's settings
---@field ghost 'auto'|'own'|'builtin'|'off' who draws ghost text; `auto`: Neovim where it can, else we
---@field popup 'hide'|'show' what becomes of ghost text while a completion menu is open
---@field restart boolean start a server that crashed again, three times in five minutes at most

---@type indoors.Config
M.DEFAULTS = { ghost = 'auto', popup = 'hide', restart = true }

--- The configuration that counts now; `vim.g.indoors` is read each time, so a change needs no restart.
---@return indoors.Config
function M.get()
  local given = vim.g.indoors
  return vim.tbl_extend('force', M.DEFAULTS, type(given) == 'table' and given or {})
end

--- Without empty tables: Lua does not say whether `{}` is a section or a list, JSON would have a list, and what is left
--- out means the same as both.
---@param given table
---@return table
local function without_empty(given)
  local kept = vim.empty_dict()
  for key, value in pairs(given) do
    if type(value) == 'table' and not vim.islist(value) then value = without_empty(value) end
    if type(value) ~= 'table' or next(value) ~= nil then kept[key] = value end
  end
  return kept
end

--- The server's settings as they are sent.
---@return table
function M.settings()
  local given = M.get().settings or {}
  if type(given) ~= 'table' then return given end -- the server says what is wrong with it
  local sent = without_empty(given)
  -- In a policy an empty list rules everything out, so what is in one stays as it is.
  for key, value in pairs(given) do
    local is_said = key == 'policy' and not vim.deep_equal(value, {})
    if is_said or vim.startswith(tostring(key), 'policy.') then sent[key] = value end
  end
  return sent
end

return M
