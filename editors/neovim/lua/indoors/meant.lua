-- Whether a key was meant for a window that came by itself, and when such a window may come.
--
-- It takes the focus when an answer arrives. Somebody may be typing then: that decides nothing.

local M = {}

-- A key that follows another one, or the window, this quickly belongs to what was being typed when the window came.
M.QUIET_MS = 500

--- Run what opens a window, or asks, once nobody writes a command: in the command-line window Neovim refuses other
--- windows, and what is written on the command line would be done in the new one.
---@param run fun()
function M.when_free(run)
  local event
  if vim.fn.getcmdwintype() ~= '' then
    event = 'CmdwinLeave'
  elseif vim.api.nvim_get_mode().mode:sub(1, 1) == 'c' then
    event = 'CmdlineLeave'
  else
    return run()
  end
  vim.api.nvim_create_autocmd(event, {
    once = true,
    callback = function()
      vim.schedule(function() M.when_free(run) end)
    end,
  })
end

--- Leave insert mode, and listen to the keys for as long as the buffer of the window is there.
---@param buffer integer
---@return fun(): boolean is_meant whether the key that is worked off now was pressed for this window
function M.watch(buffer)
  vim.cmd.stopinsert()
  vim.uv.update_time()
  local last, quiet_ms = vim.uv.now(), 0
  local listener
  listener = vim.on_key(function(_, typed)
    if not vim.api.nvim_buf_is_valid(buffer) then
      vim.on_key(nil, listener)
      return
    end
    vim.uv.update_time()
    -- What a macro or a plugin feeds is not typed, and nobody has read anything before it.
    quiet_ms = typed ~= '' and vim.uv.now() - last or 0
    if typed ~= '' then last = vim.uv.now() end
  end)
  return function() return quiet_ms >= M.QUIET_MS end
end

return M
