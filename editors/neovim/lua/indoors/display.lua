-- Who draws in a buffer: Neovim, where a person has switched its inline completion on there, else we.

local builtin = require('indoors.builtin')
local config = require('indoors.config')
local view = require('indoors.view')

local M = {}

---@param buffer integer
---@return boolean
function M.is_builtin(buffer)
  local wanted = config.get().ghost
  if wanted == 'own' or not builtin.is_there() then return false end
  return vim.lsp.inline_completion.is_enabled({ bufnr = buffer })
end

---@param shown indoors.Shown
---@param offer indoors.Offer
function M.draw(shown, offer)
  if M.is_builtin(shown.buffer) then
    view.clear(shown.buffer)
    builtin.draw(shown, offer)
  else
    builtin.clear(shown.buffer)
    view.draw(shown)
  end
end

---@param buffer integer
function M.clear(buffer)
  view.clear(buffer)
  builtin.clear(buffer)
end

return M
